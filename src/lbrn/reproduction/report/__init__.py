"""`lbrn report`: verdicts, tables, figures, measurements, runs as one page that needs neither network nor scripts."""
