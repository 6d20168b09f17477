-- Rights of the roles. leja_app (door, workers): reads all, writes all but the append-only tables, where it only adds.
-- leja_web (API, pages): reads the organisations that the request may see, and nothing else of anybody.

DO $$
DECLARE
    t record;
    append_only CONSTANT text[] := ARRAY[
        'access_log', 'event', 'document_revision', 'document_link', 'processor_reference', 'mapping_version', 'mapping_rule', 'posting_mode',
        'recognition', 'exchange_rate', 'item_cost', 'period_change', 'entry', 'line', 'chain', 'anchor',
        'deliverable_member', 'attempt', 'outcome', 'mending', 'mending_entry'];
BEGIN
    EXECUTE 'GRANT USAGE ON SCHEMA public TO leja_app, leja_web';
    FOR t IN SELECT c.relname AS name, EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id') AS of_org
             FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
               AND c.relname NOT LIKE 'procrastinate%' AND c.relname <> 'alembic_version'
    LOOP
        EXECUTE format('REVOKE ALL ON %I FROM leja_app, leja_web, PUBLIC', t.name);
        IF t.name = ANY (append_only) THEN
            EXECUTE format('GRANT SELECT, INSERT ON %I TO leja_app', t.name);
        ELSE
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO leja_app', t.name);
        END IF;
        IF t.of_org THEN
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t.name);
            EXECUTE format('DROP POLICY IF EXISTS of_the_request ON %I', t.name);
            EXECUTE format(
                'CREATE POLICY of_the_request ON %I FOR ALL TO leja_web USING (org_id = ANY (string_to_array(nullif(current_setting(''leja.orgs'', true), ''''), '','')::uuid[]))',
                t.name);
            IF t.name NOT IN ('secret', 'token_grant', 'lease') THEN
                EXECUTE format('GRANT SELECT ON %I TO leja_web', t.name);
            END IF;
        END IF;
    END LOOP;
END
$$;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO leja_app;
GRANT SELECT ON alembic_version TO leja_app;
