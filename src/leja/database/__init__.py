"""Where rows lie: engine, transactions, schema and migrations, and the rows of the pure rooms."""
