-- The registry's tables, in statements that SQLite and PostgreSQL both take.
--
-- registry   one row: the number of the last commit; taking its lock makes a writer the only one
-- contexts   the contexts, and the greatest id each gave out
-- contents   a row for each content: text, references (JSON), metadata (JSON) and rule set (JSON), keyed by their hash
-- schemas    what an id of a context stands for
-- versions   what a subject's versions stand for
-- configs    settings (JSON) of a subject, or of a context (subject '')
-- modes      modes, likewise
--
-- `sequence` is the commit that last touched a row: what changed after a commit is what has a greater number. For that no
-- row is ever deleted. What is cleared is NULL, what is removed says so. Contents never change.

CREATE TABLE registry (
    id       BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL
);

INSERT INTO registry (id, sequence) VALUES (1, 0);

CREATE TABLE contexts (
    name     TEXT    NOT NULL PRIMARY KEY,
    last_id  BIGINT  NOT NULL,
    removed  BOOLEAN NOT NULL,
    sequence BIGINT  NOT NULL
);

CREATE TABLE contents (
    guid              TEXT NOT NULL PRIMARY KEY,
    text              TEXT NOT NULL,
    schema_references TEXT,
    metadata          TEXT,
    rule_set          TEXT
);

CREATE TABLE schemas (
    context       TEXT    NOT NULL,
    id            BIGINT  NOT NULL,
    guid          TEXT    NOT NULL REFERENCES contents (guid),
    schema_type   TEXT    NOT NULL,
    -- The text as the first registrant sent it, when it is not the content's.
    text_sent     TEXT,
    registered_ms BIGINT  NOT NULL,
    -- No version stands for it any more; the same content gets the same id again.
    retired       BOOLEAN NOT NULL,
    sequence      BIGINT  NOT NULL,
    PRIMARY KEY (context, id)
);

-- A content has one id in a context.
CREATE UNIQUE INDEX schemas_guid_once ON schemas (context, guid) WHERE NOT retired;

CREATE TABLE versions (
    context       TEXT   NOT NULL,
    subject       TEXT   NOT NULL,
    version       BIGINT NOT NULL,
    id            BIGINT NOT NULL,
    registered_ms BIGINT NOT NULL,
    state         TEXT   NOT NULL CHECK (state IN ('LIVE', 'SOFT_DELETED', 'GONE')),
    sequence      BIGINT NOT NULL,
    PRIMARY KEY (context, subject, version),
    FOREIGN KEY (context, id) REFERENCES schemas (context, id)
);

CREATE TABLE configs (
    context  TEXT   NOT NULL,
    subject  TEXT   NOT NULL,
    config   TEXT,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (context, subject)
);

CREATE TABLE modes (
    context  TEXT   NOT NULL,
    subject  TEXT   NOT NULL,
    mode     TEXT,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (context, subject)
);

CREATE INDEX contexts_sequence ON contexts (sequence);
CREATE INDEX schemas_sequence ON schemas (sequence);
CREATE INDEX versions_sequence ON versions (sequence);
CREATE INDEX configs_sequence ON configs (sequence);
CREATE INDEX modes_sequence ON modes (sequence);
