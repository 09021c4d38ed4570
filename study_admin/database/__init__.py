"""How a study gets into a database and out of it: place and transactions, rows and forms, what a change has to obey."""
