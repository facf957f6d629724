-- What is moved: wide rows with vectors, and narrow ones. Without vector indexes: they are built after the data.
CREATE TABLE memory_entries (
  id serial PRIMARY KEY,
  namespace varchar(255) NOT NULL,
  key varchar(255) NOT NULL,
  value text,
  embedding vector(384),
  metadata jsonb DEFAULT '{}',
  tags text[],
  created_at timestamp DEFAULT now(),
  updated_at timestamp DEFAULT now(),
  expires_at timestamp,
  UNIQUE (namespace, key)
);

CREATE TABLE events (
  id bigint PRIMARY KEY,
  namespace varchar(255) NOT NULL,
  kind text NOT NULL,
  n int,
  created_at timestamptz NOT NULL
);
