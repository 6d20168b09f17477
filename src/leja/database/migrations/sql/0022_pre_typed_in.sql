-- Whether what a person may have typed in already is looked for before a target is told, and how far from the day.

CREATE TABLE typed_in_rule (
    org_id        uuid NOT NULL,
    connection_id uuid NOT NULL,                -- the target; no row: opening, 3 days
    look          text NOT NULL CHECK (look IN ('opening', 'always', 'never')),
    days          integer NOT NULL CHECK (days BETWEEN 0 AND 31),
    set_by        text NOT NULL,
    set_at        timestamptz NOT NULL,
    PRIMARY KEY (org_id, connection_id),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection
);

-- Documents of others by what they come to: look-alikes of a whole round are found by one question.
CREATE INDEX remote_state_foreign ON remote_state (org_id, connection_id, currency, total)
    WHERE foreign_entry AND state = 'present';
