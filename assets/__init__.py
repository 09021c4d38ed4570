"""What ships beside the code: the demo study, help texts and their pictures."""
