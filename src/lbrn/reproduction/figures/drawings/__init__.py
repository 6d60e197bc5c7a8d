"""One module a kind of figure: `collect` gathers what it shows, `rows` says it as a table, `draw` draws it."""
