"""Work packages: jobs over business records, with typed parameters, and an outcome for each record."""
