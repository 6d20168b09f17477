-- The guards of 0006 at a fraction of their work: each looks once at its statement, and a foreign key whose other end is
-- append-only needs no row locks to know that it will be there. Nothing is let through that was refused before.
-- docs/decisions/0007-guards.md

-- Where a guard looks a row up, it does so by the index, row by row: a scalar subquery is never turned into a join, and a plan
-- that was made while the tables were small must not read all of them later.

CREATE OR REPLACE FUNCTION entry_added() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    one record;
    batch record;
    wanted text;
    is_now text;
BEGIN
    SELECT org_id, period INTO one FROM added LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT min(number) AS first, max(number) AS last, count(*) AS entries, count(*) FILTER (WHERE org_id <> one.org_id) AS others,
           bool_and(period = one.period) AS one_month,
           min(number) FILTER (WHERE period <> lpad(extract(year FROM posting_date)::text, 4, '0') || '-'
                                            || lpad(extract(month FROM posting_date)::text, 2, '0')) AS misplaced
    INTO batch FROM added;
    UPDATE head SET entry_number = batch.last
    WHERE org_id = one.org_id AND entry_number = batch.first - 1 AND batch.last - batch.first + 1 = batch.entries AND batch.others = 0;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'entries % to % of organisation % do not go on from its last number without a gap',
            batch.first, batch.last, one.org_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_number_gap_free', HINT = 'One statement adds entries of one organisation.';
    END IF;
    IF batch.misplaced IS NOT NULL THEN
        RAISE EXCEPTION 'entry % cannot stand in its period: it is not that of its posting date', batch.misplaced
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_period_of_date';
    END IF;
    FOREACH wanted IN ARRAY CASE WHEN batch.one_month THEN ARRAY[one.period] ELSE ARRAY(SELECT DISTINCT period FROM added ORDER BY period) END
    LOOP
        SELECT state INTO is_now FROM period WHERE org_id = one.org_id AND period = wanted FOR SHARE;
        IF is_now IS NULL THEN
            RAISE EXCEPTION 'an entry stands in the period %, which was never opened', wanted
                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'entry_period_open';
        ELSIF is_now <> 'open' THEN
            RAISE EXCEPTION 'period % is locked', wanted
                USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_period_open';
        END IF;
    END LOOP;
    SELECT number INTO one FROM added a
    WHERE (SELECT r.revision FROM document_revision r
           WHERE r.org_id = a.org_id AND r.document_id = a.document_id AND r.revision = a.revision) IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % stands on a revision that is not there', one.number
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'entry_of_a_revision';
    END IF;
    RETURN NULL;
END
$$;
ALTER TABLE entry DROP CONSTRAINT entry_org_id_document_id_revision_fkey;

-- Most entries have one currency and need no sums per currency; the others are looked at again.
CREATE OR REPLACE FUNCTION line_added() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    batch record;
    bad record;
BEGIN
    SELECT entries.*,
           (SELECT h.entry_number FROM head h WHERE h.org_id = entries.org_id) AS numbers,
           (SELECT used.account FROM (SELECT DISTINCT account FROM added) AS used
            WHERE (SELECT a.code FROM account a WHERE a.org_id = entries.org_id AND a.code = used.account) IS NULL LIMIT 1) AS unknown
    INTO batch
    FROM (SELECT org_id, count(*) OVER () AS orgs, min(entry_number) AS first, max(entry_number) AS last,
                 min(entry_number) FILTER (WHERE NOT together) AS apart, bool_and(balanced) AS balanced
          FROM (SELECT org_id, entry_number, min(line_number) = 1 AND max(line_number) = count(*) AS together,
                       sum(base) = 0 AND sum(amount) = 0 AND min(currency) = max(currency) AS balanced
                FROM added GROUP BY org_id, entry_number) AS entry
          GROUP BY org_id) AS entries;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF batch.unknown IS NOT NULL THEN
        RAISE EXCEPTION 'account % is not in the chart of accounts', batch.unknown
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'line_account';
    END IF;
    IF batch.first < 1 OR batch.last > coalesce(batch.numbers, 0) OR batch.orgs > 1 THEN
        RAISE EXCEPTION 'lines of entry % without the entry', batch.last
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'line_with_its_entry', HINT = 'One statement adds lines of one organisation.';
    END IF;
    IF batch.apart IS NOT NULL THEN
        RAISE EXCEPTION 'the lines of entry % must come together, numbered from 1', batch.apart
            USING ERRCODE = 'check_violation', CONSTRAINT = 'line_with_its_entry';
    END IF;
    IF batch.balanced THEN
        RETURN NULL;
    END IF;
    SELECT entry_number, sum(base) AS base INTO bad
    FROM (SELECT entry_number, sum(amount) AS amount, sum(base) AS base, bool_or(left(role, 3) = 'fx_') AS exchange
          FROM added GROUP BY entry_number, currency) AS by_currency
    GROUP BY entry_number HAVING sum(base) <> 0 OR (bool_or(amount <> 0) AND NOT bool_or(exchange)) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % does not balance (base %)', bad.entry_number, bad.base
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_balances';
    END IF;
    RETURN NULL;
END
$$;

-- The chain moves the head only where positions and hashes go on from it; why they do not is asked afterwards.
CREATE OR REPLACE FUNCTION chain_added() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    batch record;
BEGIN
    SELECT org_id, count(*) OVER () AS orgs, min(position) AS first, max(position) AS last, count(*) AS items,
           (array_agg(hash) FILTER (WHERE before IS NULL))[1] AS first_hash,
           (array_agg(said) FILTER (WHERE before IS NULL))[1] AS first_said,
           (array_agg(hash) FILTER (WHERE is_last))[1] AS last_hash,
           min(position) FILTER (WHERE hash <> sha256(convert_to(encode(before, 'hex') || said, 'UTF8'))) AS astray
    INTO batch
    FROM (SELECT org_id, position, hash, lag(hash) OVER of_org AS before, lead(hash) OVER of_org IS NULL AS is_last,
                 E'\n{"digest":"' || encode(digest, 'hex') || '","kind":"' || kind || '","position":' || position
                 || ',"subject":"' || subject || '"}' AS said
          FROM added WINDOW of_org AS (PARTITION BY org_id ORDER BY position)) AS links
    GROUP BY org_id;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE head SET chain_position = batch.last, chain_hash = batch.last_hash
    WHERE org_id = batch.org_id AND chain_position = batch.first - 1 AND batch.last - batch.first + 1 = batch.items AND batch.orgs = 1
      AND batch.astray IS NULL AND batch.first_hash = sha256(convert_to(encode(chain_hash, 'hex') || batch.first_said, 'UTF8'));
    IF FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM 1 FROM head
    WHERE org_id = batch.org_id AND chain_position = batch.first - 1 AND batch.last - batch.first + 1 = batch.items AND batch.orgs = 1;
    IF FOUND THEN
        RAISE EXCEPTION 'chain position % does not follow from the one before', coalesce(batch.astray, batch.first)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'chain_follows';
    END IF;
    RAISE EXCEPTION 'chain positions % to % of organisation % do not go on from its head', batch.first, batch.last, batch.org_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'chain_gap_free', HINT = 'One statement adds items of one organisation.';
END
$$;

-- What the head counts is there at commit: two checks, each of them only where its half of the head moved.
CREATE OR REPLACE FUNCTION head_moves() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the head of an organisation only moves forward' USING ERRCODE = 'check_violation', CONSTRAINT = 'head_moves';
END
$$;
DROP TRIGGER head_moves ON head;
CREATE TRIGGER head_moves BEFORE UPDATE ON head FOR EACH ROW
    WHEN (NEW.org_id <> OLD.org_id OR NEW.entry_number < OLD.entry_number OR NEW.chain_position < OLD.chain_position)
    EXECUTE FUNCTION head_moves();
DROP TRIGGER head_agrees ON head;
DROP FUNCTION head_agrees();

CREATE FUNCTION head_agrees_with_entries() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    entries bigint;
BEGIN
    SELECT least(
        (SELECT count(*) FROM entry e
         WHERE e.org_id = NEW.org_id AND e.number > OLD.entry_number AND e.number <= NEW.entry_number),
        (SELECT count(*) FROM line l
         WHERE l.org_id = NEW.org_id AND l.entry_number > OLD.entry_number AND l.entry_number <= NEW.entry_number
           AND l.line_number = 1)) INTO entries;
    IF entries <> NEW.entry_number - OLD.entry_number THEN
        RAISE EXCEPTION 'of the entries % to %, % have no lines or are not there',
            OLD.entry_number + 1, NEW.entry_number, NEW.entry_number - OLD.entry_number - entries
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_has_lines';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER head_agrees_with_entries AFTER UPDATE ON head DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.entry_number <> OLD.entry_number) EXECUTE FUNCTION head_agrees_with_entries();

CREATE FUNCTION head_agrees_with_chain() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM chain c WHERE c.org_id = NEW.org_id AND c.position = NEW.chain_position AND c.hash = NEW.chain_hash) THEN
        RAISE EXCEPTION 'the head does not agree with the chain' USING ERRCODE = 'check_violation', CONSTRAINT = 'head_agrees';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER head_agrees_with_chain AFTER UPDATE ON head DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN ((NEW.chain_position, NEW.chain_hash) IS DISTINCT FROM (OLD.chain_position, OLD.chain_hash))
    EXECUTE FUNCTION head_agrees_with_chain();
ALTER TABLE head ENABLE ALWAYS TRIGGER head_moves;
ALTER TABLE head ENABLE ALWAYS TRIGGER head_agrees_with_entries;
ALTER TABLE head ENABLE ALWAYS TRIGGER head_agrees_with_chain;

-- The second move of a head in a transaction would ask for its organisation each time: a foreign key does for rows of its own
-- transaction. An organisation stays, so it is enough to ask when the head begins.
CREATE OR REPLACE FUNCTION head_begins() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.entry_number <> 0 OR NEW.chain_position <> 0 OR NEW.chain_hash <> decode(repeat('00', 32), 'hex') THEN
        RAISE EXCEPTION 'the head of an organisation begins at nothing' USING ERRCODE = 'check_violation', CONSTRAINT = 'head_begins';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM org WHERE org_id = NEW.org_id) THEN
        RAISE EXCEPTION 'a head without its organisation' USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'head_of_an_org';
    END IF;
    RETURN NEW;
END
$$;
ALTER TABLE head DROP CONSTRAINT head_org_id_fkey;
CREATE TRIGGER org_stays BEFORE DELETE OR TRUNCATE OR UPDATE OF org_id ON org FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE org ENABLE ALWAYS TRIGGER org_stays;
