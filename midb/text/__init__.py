"""What is known about text, and no defect: languages, protected spans, quotations, diffs, safe rendering."""
