-- What the workers remember between runs, and how they are woken. Work itself is derived from the tables it is about.

-- When a step may run again and why it could not; a row that is missing says: now. Nothing is lost if all rows are.
CREATE TABLE work (
    org_id     uuid NOT NULL REFERENCES org,
    step       text NOT NULL,
    subject    text NOT NULL DEFAULT '',        -- a connection id, or '' for the organisation
    not_before timestamptz NOT NULL,
    begun_at   timestamptz NOT NULL,
    ended_at   timestamptz,
    failures   integer NOT NULL DEFAULT 0,      -- in a row
    because    text NOT NULL DEFAULT '',        -- the code of the last failure
    PRIMARY KEY (org_id, step, subject)
);

CREATE INDEX wanted_due ON wanted (org_id, connection_id, not_before);

-- A worker that listens is woken with the commit. Only a hint: who misses it finds the work when it next looks.
CREATE FUNCTION work_arrived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('leja_work', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER work_arrived AFTER INSERT ON event_state FOR EACH STATEMENT EXECUTE FUNCTION work_arrived();
CREATE TRIGGER work_arrived AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION work_arrived();
CREATE TRIGGER work_arrived AFTER INSERT ON wanted FOR EACH STATEMENT EXECUTE FUNCTION work_arrived();
CREATE TRIGGER work_arrived AFTER INSERT ON mapping_version FOR EACH STATEMENT EXECUTE FUNCTION work_arrived();
-- Every trigger on an append-only table fires always, those that only wake too.
ALTER TABLE mapping_version ENABLE ALWAYS TRIGGER work_arrived;
