-- What a person decided about documents at a target that differ from our books, and what was undone. append-only: the trail of
-- who decided what, when and why, with the entries that the decision made.

CREATE TABLE mending (
    org_id        uuid NOT NULL REFERENCES org,
    mending_id    uuid NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('accept', 'repost', 'reverse', 'undo', 'redo', 'same', 'different')),
    connection_id uuid,                         -- the target; null: the books alone
    subject       text COLLATE "C" NOT NULL,    -- "deliverable/<id>", "group/<group key>", what was undone in words, or the undoing that is redone
    dated         date,                         -- the posting date that was asked for
    reason        text NOT NULL DEFAULT '',
    made_by       text NOT NULL,
    at            timestamptz NOT NULL,
    detail        jsonb NOT NULL DEFAULT '{}',  -- what differed, as it was shown
    PRIMARY KEY (org_id, mending_id)
);
CREATE INDEX mending_subject ON mending (org_id, subject);

CREATE TABLE mending_entry (
    org_id       uuid NOT NULL,
    mending_id   uuid NOT NULL,
    entry_number bigint NOT NULL,
    PRIMARY KEY (org_id, mending_id, entry_number),
    FOREIGN KEY (org_id, mending_id) REFERENCES mending,
    FOREIGN KEY (org_id, entry_number) REFERENCES entry
);
CREATE INDEX mending_entry_of ON mending_entry (org_id, entry_number);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['mending', 'mending_entry']
    LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER append_only', name);
    END LOOP;
END
$$;
