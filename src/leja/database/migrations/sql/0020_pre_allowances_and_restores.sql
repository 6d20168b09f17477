-- How many metered reads a connection made in a month, and what says that the database is an older life of itself.

CREATE TABLE metered_reads (
    org_id        uuid NOT NULL,
    connection_id uuid NOT NULL,
    month         date NOT NULL,                -- its first day, UTC
    reads         bigint NOT NULL,
    counted_at    timestamptz NOT NULL,
    PRIMARY KEY (org_id, connection_id, month),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection
);

-- Nothing is sent to a target before `until`: calls of the life that was lost may last so long and stay unseen.
CREATE TABLE restore_mark (
    org_id        uuid NOT NULL REFERENCES org,
    mark_id       uuid NOT NULL,
    connection_id uuid,                         -- null: every target
    marked_at     timestamptz NOT NULL,
    until         timestamptz NOT NULL,
    because       text NOT NULL,
    PRIMARY KEY (org_id, mark_id)
);
CREATE INDEX restore_mark_until ON restore_mark (org_id, until);
