"""Who is measured: one file each, declared without importing what it measures, which is installed elsewhere."""
