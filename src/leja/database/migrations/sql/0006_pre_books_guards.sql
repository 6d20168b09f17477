-- What double entry demands, held by the database for everybody, the application included. The checks look at whole
-- statements (a batch of entries is one COPY), which costs a fraction of a trigger per row. docs/decisions/0007-guards.md

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'A correction is a reversal and a new entry.';
END
$$;

-- Entries: numbers go on from the head without a gap, and move it; the period is that of the posting date, and open.
-- The period's row is held FOR SHARE until the end, a lock takes it FOR UPDATE: no entry slips in while it is locked.
CREATE FUNCTION entry_added() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    batch record;
    found_periods integer := 0;
BEGIN
    FOR batch IN SELECT org_id, min(number) AS first, max(number) AS last, count(*) AS entries
                 FROM added GROUP BY org_id ORDER BY org_id
    LOOP
        UPDATE head SET entry_number = batch.last
        WHERE org_id = batch.org_id AND entry_number = batch.first - 1 AND batch.last - batch.first + 1 = batch.entries;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'entries % to % of organisation % do not go on from its last number without a gap',
                batch.first, batch.last, batch.org_id USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_number_gap_free';
        END IF;
    END LOOP;
    FOR batch IN SELECT number, posting_date, period FROM added
                 WHERE period <> lpad(extract(year FROM posting_date)::text, 4, '0') || '-' || lpad(extract(month FROM posting_date)::text, 2, '0')
                 LIMIT 1
    LOOP
        RAISE EXCEPTION 'entry % of % cannot stand in period %', batch.number, batch.posting_date, batch.period
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_period_of_date';
    END LOOP;
    FOR batch IN SELECT org_id, period, state FROM period
                 WHERE (org_id, period) IN (SELECT DISTINCT org_id, period FROM added) ORDER BY org_id, period FOR SHARE
    LOOP
        found_periods := found_periods + 1;
        IF batch.state <> 'open' THEN
            RAISE EXCEPTION 'period % is locked', batch.period
                USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_period_open';
        END IF;
    END LOOP;
    IF found_periods <> (SELECT count(*) FROM (SELECT DISTINCT org_id, period FROM added) AS periods) THEN
        RAISE EXCEPTION 'an entry stands in a period that was never opened'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'entry_period_open';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER entry_added AFTER INSERT ON entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION entry_added();

-- Lines: all lines of an entry come in one statement, numbered from 1, and balance. So nobody adds to an entry later:
-- its line 1 is taken, and lines that do not begin at 1 are refused. What foreign keys per line would hold is checked here
-- for the statement: numbers up to the head are those of entries, and the accounts are there and stay.
CREATE FUNCTION line_added() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    bad record;
BEGIN
    SELECT used.org_id, used.account INTO bad
    FROM (SELECT DISTINCT org_id, account FROM added) AS used
    WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.org_id = used.org_id AND a.code = used.account) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'account % is not in the chart of accounts', bad.account
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'line_account';
    END IF;
    SELECT used.org_id, used.last INTO bad
    FROM (SELECT org_id, min(entry_number) AS first, max(entry_number) AS last FROM added GROUP BY org_id) AS used
    WHERE used.first < 1
       OR used.last > coalesce((SELECT entry_number FROM head h WHERE h.org_id = used.org_id), 0) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'lines of entry % without the entry', bad.last
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'line_with_its_entry';
    END IF;
    SELECT org_id, entry_number, sum(base) AS base, min(first) AS first, max(last) AS last, sum(lines) AS lines,
           bool_or(amount <> 0) AND NOT bool_or(exchange) AS unbalanced
    INTO bad
    FROM (SELECT org_id, entry_number, currency, sum(amount) AS amount, sum(base) AS base, min(line_number) AS first,
                 max(line_number) AS last, count(*) AS lines, bool_or(left(role, 3) = 'fx_') AS exchange
          FROM added GROUP BY org_id, entry_number, currency) AS by_currency
    GROUP BY org_id, entry_number
    HAVING sum(base) <> 0 OR min(first) <> 1 OR max(last) <> sum(lines)
        OR (bool_or(amount <> 0) AND NOT bool_or(exchange))
    LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF bad.first <> 1 OR bad.last <> bad.lines THEN
        RAISE EXCEPTION 'the lines of entry % must come together, numbered from 1', bad.entry_number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'line_with_its_entry';
    END IF;
    RAISE EXCEPTION 'entry % does not balance (base %)', bad.entry_number, bad.base
        USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_balances';
END
$$;
CREATE TRIGGER line_added AFTER INSERT ON line REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION line_added();

-- Accounts stay: no row lock is needed to know that a line's account will be there.
CREATE TRIGGER account_stays BEFORE DELETE OR TRUNCATE OR UPDATE OF org_id, code ON account
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The chain: positions go on from the head, each hash follows from the one before, and they move the head.
CREATE FUNCTION chain_added() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    batch record;
    hash_before bytea;
    bad bigint;
BEGIN
    FOR batch IN SELECT org_id, min(position) AS first, max(position) AS last, count(*) AS items
                 FROM added GROUP BY org_id ORDER BY org_id
    LOOP
        SELECT chain_hash INTO hash_before FROM head
        WHERE org_id = batch.org_id AND chain_position = batch.first - 1 AND batch.last - batch.first + 1 = batch.items
        FOR UPDATE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'chain positions % to % of organisation % do not go on from its head',
                batch.first, batch.last, batch.org_id USING ERRCODE = 'check_violation', CONSTRAINT = 'chain_gap_free';
        END IF;
        SELECT position INTO bad FROM (
            SELECT position, hash, sha256(convert_to(
                encode(lag(hash, 1, hash_before) OVER (ORDER BY position), 'hex') || E'\n{"digest":"' || encode(digest, 'hex')
                || '","kind":"' || kind || '","position":' || position || ',"subject":"' || subject || '"}', 'UTF8')) AS due
            FROM added WHERE org_id = batch.org_id) AS links
        WHERE hash <> due LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'chain position % does not follow from the one before', bad
                USING ERRCODE = 'check_violation', CONSTRAINT = 'chain_follows';
        END IF;
        UPDATE head SET chain_position = batch.last,
            chain_hash = (SELECT hash FROM added WHERE org_id = batch.org_id AND position = batch.last)
        WHERE org_id = batch.org_id;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE TRIGGER chain_added AFTER INSERT ON chain REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION chain_added();

-- The head begins at nothing and only moves forward; at commit, what it counts must be there: every entry with its lines.
CREATE FUNCTION head_begins() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.entry_number <> 0 OR NEW.chain_position <> 0 OR NEW.chain_hash <> decode(repeat('00', 32), 'hex') THEN
        RAISE EXCEPTION 'the head of an organisation begins at nothing' USING ERRCODE = 'check_violation', CONSTRAINT = 'head_begins';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER head_begins BEFORE INSERT ON head FOR EACH ROW EXECUTE FUNCTION head_begins();

CREATE FUNCTION head_moves() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.org_id <> OLD.org_id OR NEW.entry_number < OLD.entry_number OR NEW.chain_position < OLD.chain_position THEN
        RAISE EXCEPTION 'the head of an organisation only moves forward' USING ERRCODE = 'check_violation', CONSTRAINT = 'head_moves';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER head_moves BEFORE UPDATE ON head FOR EACH ROW EXECUTE FUNCTION head_moves();
CREATE TRIGGER head_stays BEFORE DELETE OR TRUNCATE ON head FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Always by range of the index: a plan made while the tables were small would read all of them at every commit.
CREATE FUNCTION head_agrees() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp
    SET enable_seqscan = off AS $$
DECLARE
    entries bigint;
BEGIN
    IF NEW.entry_number <> OLD.entry_number THEN
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
    END IF;
    IF (NEW.chain_position, NEW.chain_hash) IS DISTINCT FROM (OLD.chain_position, OLD.chain_hash) AND NOT EXISTS (
        SELECT 1 FROM chain c WHERE c.org_id = NEW.org_id AND c.position = NEW.chain_position AND c.hash = NEW.chain_hash)
    THEN
        RAISE EXCEPTION 'the head does not agree with the chain' USING ERRCODE = 'check_violation', CONSTRAINT = 'head_agrees';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER head_agrees AFTER UPDATE ON head DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION head_agrees();

-- Periods: a state is always the one that the last recorded change says.
CREATE FUNCTION period_agrees() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    said text;
    now_is text;
BEGIN
    SELECT state INTO now_is FROM period p WHERE p.org_id = NEW.org_id AND p.period = NEW.period;
    SELECT state INTO said FROM period_change c WHERE c.org_id = NEW.org_id AND c.period = NEW.period ORDER BY ordinal DESC LIMIT 1;
    IF now_is <> coalesce(said, 'open') THEN
        RAISE EXCEPTION 'period % cannot become % without a recorded reason', NEW.period, now_is
            USING ERRCODE = 'check_violation', CONSTRAINT = 'period_agrees';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER period_agrees AFTER INSERT OR UPDATE ON period DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION period_agrees();
CREATE TRIGGER period_stays BEFORE DELETE OR TRUNCATE ON period FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

DO $$
DECLARE
    guard record;
BEGIN
    FOR guard IN SELECT tgrelid::regclass AS on_table, tgname FROM pg_trigger
                 WHERE NOT tgisinternal AND tgrelid IN ('entry'::regclass, 'line'::regclass, 'chain'::regclass, 'head'::regclass, 'period'::regclass,
                                      'account'::regclass)
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', guard.on_table, guard.tgname);
    END LOOP;
END
$$;
