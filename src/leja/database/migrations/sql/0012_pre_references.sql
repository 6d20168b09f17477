-- Foreign keys of what arrives and of what is booked, asked for a whole statement instead of row by row, and without a lock on
-- each row that is referred to: what is referred to stays, whoever asks. docs/decisions/0007-guards.md
-- Row by row by the index, as in 0011: a scalar subquery is never turned into a join.

CREATE TRIGGER connection_stays BEFORE DELETE OR TRUNCATE OR UPDATE OF org_id, connection_id ON connection
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE connection ENABLE ALWAYS TRIGGER connection_stays;
CREATE TRIGGER document_stays BEFORE DELETE OR TRUNCATE OR UPDATE OF org_id, document_id ON document
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE document ENABLE ALWAYS TRIGGER document_stays;
-- Events, revisions and entries are append-only: nothing need be added for them.

CREATE FUNCTION has_connection() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    bad record;
BEGIN
    SELECT used.connection_id INTO bad FROM (SELECT DISTINCT org_id, connection_id FROM added) AS used
    WHERE (SELECT c.connection_id FROM connection c WHERE c.org_id = used.org_id AND c.connection_id = used.connection_id) IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'connection % of a new row in % is not there', bad.connection_id, TG_TABLE_NAME
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_TABLE_NAME || '_connection';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION has_event() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    bad record;
BEGIN
    SELECT a.event_id INTO bad FROM added a
    WHERE (SELECT e.event_id FROM event e WHERE e.org_id = a.org_id AND e.event_id = a.event_id) IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'event % of a new row in % is not there', bad.event_id, TG_TABLE_NAME
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_TABLE_NAME || '_event';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION has_document() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    bad record;
BEGIN
    SELECT a.document_id INTO bad FROM added a
    WHERE (SELECT d.document_id FROM document d WHERE d.org_id = a.org_id AND d.document_id = a.document_id) IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'document % of a new row in % is not there', bad.document_id, TG_TABLE_NAME
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_TABLE_NAME || '_document';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION has_entry() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    bad record;
BEGIN
    SELECT a.entry_number INTO bad FROM added a
    WHERE (SELECT e.number FROM entry e WHERE e.org_id = a.org_id AND e.number = a.entry_number) IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % of a new row in % is not there', bad.entry_number, TG_TABLE_NAME
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_TABLE_NAME || '_entry';
    END IF;
    RETURN NULL;
END
$$;

-- What a row refers to is said once: a change of it is refused where a table is append-only, and asked again where it is not.
DO $$
DECLARE
    refers record;
BEGIN
    FOR refers IN SELECT * FROM (VALUES
        ('event', 'connection', 'org_id, connection_id'), ('event_body', 'event', 'org_id, event_id'), ('event_state', 'event', 'org_id, event_id'),
        ('document', 'connection', 'org_id, connection_id'), ('party', 'connection', 'org_id, connection_id'),
        ('document_revision', 'document', 'org_id, document_id'), ('document_revision', 'event', 'org_id, event_id'),
        ('document_link', 'document', 'org_id, document_id'),
        ('outbox', 'connection', 'org_id, connection_id'), ('outbox', 'entry', 'org_id, entry_number')) AS r (from_table, to_table, columns)
    LOOP
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', refers.from_table,
                       refers.from_table || '_' || replace(refers.columns, ', ', '_') || '_fkey');
        EXECUTE format('CREATE TRIGGER has_%s AFTER INSERT ON %I REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION has_%s()',
                       refers.to_table, refers.from_table, refers.to_table);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER has_%s', refers.from_table, refers.to_table);
        IF NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = refers.from_table::regclass AND tgname = 'append_only') THEN
            EXECUTE format('CREATE TRIGGER %s_stays_the_same BEFORE UPDATE OF %s ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
                           refers.to_table, refers.columns, refers.from_table);
            EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER %s_stays_the_same', refers.from_table, refers.to_table);
        END IF;
    END LOOP;
END
$$;
