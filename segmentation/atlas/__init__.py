"""The Harvard-Oxford regions on exams: `labelling` of each, by the `template` laid on its brain; files of `regions`."""
