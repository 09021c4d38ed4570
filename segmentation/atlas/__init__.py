"""The Harvard-Oxford regions on exams: `labelling` of each, the `template` laid on its brain, the files of `regions`."""
