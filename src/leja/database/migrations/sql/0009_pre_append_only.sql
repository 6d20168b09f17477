-- Append-only tables refuse every UPDATE, DELETE and TRUNCATE, whoever asks, replication included.
-- The same list as in 9000_post_row_security.sql, which withholds the rights; a test compares them.

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'access_log', 'event', 'document_revision', 'document_link', 'mapping_version', 'mapping_rule', 'posting_mode',
        'recognition', 'exchange_rate', 'item_cost', 'period_change', 'entry', 'line', 'chain', 'anchor',
        'deliverable_member', 'attempt', 'outcome']
    LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER append_only', name);
    END LOOP;
END
$$;
