-- Types, sequences and tables, without keys: they follow in 03-keys.sql, as data loads faster before them.

CREATE TYPE film_rating AS ENUM ('G', 'PG', 'PG-13', 'R', 'NC-17');
CREATE DOMAIN release_year AS integer CONSTRAINT since_first_film CHECK (VALUE BETWEEN 1888 AND 2100);

CREATE SCHEMA "Back Office";

-- Owned by no column: whoever moves sequences by their columns forgets it.
CREATE SEQUENCE invoice_number START WITH 1000 INCREMENT BY 5 CACHE 1;
CREATE SEQUENCE countdown INCREMENT BY -1 MINVALUE -1000000 MAXVALUE 500 START WITH 500 CYCLE;

CREATE TABLE country (country_id serial, name text NOT NULL);
CREATE TABLE city (city_id serial, country_id integer NOT NULL, name text NOT NULL);
CREATE TABLE address (
    address_id serial,
    city_id integer NOT NULL,
    street text NOT NULL,
    postal_code character(8),
    phone varchar(20),
    last_update timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE language (language_id smallserial, name character(20) NOT NULL);
CREATE TABLE category (category_id serial, name text NOT NULL, shelf smallint);
CREATE TABLE actor (actor_id serial, first_name text NOT NULL, last_name text NOT NULL);

CREATE TABLE film (
    film_id serial,
    title varchar(255) NOT NULL,
    description text,
    released release_year,
    language_id smallint NOT NULL,
    sequel_of integer,
    rental_days smallint NOT NULL DEFAULT 3,
    rental_rate numeric(6, 2) NOT NULL DEFAULT 4.99,
    day_rate numeric(8, 4) GENERATED ALWAYS AS (rental_rate / rental_days) STORED,
    length_minutes smallint,
    rating film_rating DEFAULT 'G',
    special_features text[],
    ratings_by_age integer[][],
    fulltext tsvector,
    last_update timestamptz NOT NULL DEFAULT now(),
    CHECK (rental_days > 0),
    CONSTRAINT film_length_is_plausible CHECK (length_minutes IS NULL OR length_minutes BETWEEN 1 AND 600)
);
CREATE TABLE film_actor (actor_id integer NOT NULL, film_id integer NOT NULL, billing smallint);
CREATE TABLE film_category (film_id integer NOT NULL, category_id integer NOT NULL);
CREATE TABLE film_review (
    review_id bigserial,
    film_id integer NOT NULL,
    stars smallint NOT NULL CHECK (stars BETWEEN 0 AND 5),
    body text,
    summary text GENERATED ALWAYS AS (left(body, 40)) STORED
);
-- Out of line and not compressed: an update of the stars alone carries "unchanged TOAST" in the stream of changes.
ALTER TABLE film_review ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE TABLE store (
    store_id serial,
    manager_id integer NOT NULL,
    address_id integer NOT NULL,
    opening_hours jsonb NOT NULL DEFAULT '{}'
);
CREATE TABLE staff (
    staff_id serial,
    store_id integer NOT NULL,
    reports_to integer,
    first_name text NOT NULL,
    last_name text NOT NULL,
    username text NOT NULL,
    picture bytea,
    active boolean NOT NULL DEFAULT true
);
CREATE TABLE customer (
    customer_id serial,
    store_id integer NOT NULL,
    address_id integer NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    email text,
    active boolean NOT NULL DEFAULT true,
    preferences jsonb NOT NULL DEFAULT '{}',
    favourites integer[] NOT NULL DEFAULT '{}',
    created_on date NOT NULL DEFAULT current_date,
    last_update timestamptz DEFAULT now()
);
CREATE TABLE inventory (
    inventory_id serial,
    film_id integer NOT NULL,
    store_id integer NOT NULL,
    shelf_place varchar(12),
    last_update timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE rental (
    rental_id serial,
    rented_at timestamptz NOT NULL,
    inventory_id integer NOT NULL,
    customer_id integer NOT NULL,
    returned_at timestamptz,
    staff_id integer NOT NULL,
    last_update timestamptz NOT NULL DEFAULT now(),
    CHECK (returned_at IS NULL OR returned_at >= rented_at)
);

CREATE TABLE payment (
    payment_id bigserial,
    customer_id integer NOT NULL,
    staff_id integer NOT NULL,
    rental_id integer NOT NULL,
    amount numeric(8, 2) NOT NULL CHECK (amount >= 0),
    paid_at timestamptz NOT NULL
) PARTITION BY RANGE (paid_at);
CREATE TABLE payment_other PARTITION OF payment DEFAULT;
CREATE TABLE refund (
    refund_id serial,
    payment_id bigint NOT NULL,
    paid_at timestamptz NOT NULL,
    reason text
);

-- The sum over both balances never changes: a copy with another sum is not a consistent cut.
CREATE TABLE customer_account (customer_id integer NOT NULL, balance numeric(14, 2) NOT NULL) WITH (fillfactor = 70);
CREATE TABLE store_account (store_id integer NOT NULL, balance numeric(14, 2) NOT NULL) WITH (fillfactor = 50);

CREATE TABLE shop_event (
    event_id bigint GENERATED ALWAYS AS IDENTITY,
    happened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL,
    details jsonb
);
CREATE TABLE loyalty_card (card_number text NOT NULL, customer_id integer NOT NULL, points integer NOT NULL DEFAULT 0);
-- No key at all: its rows are known by all of their values.
CREATE TABLE price_history (
    film_id integer NOT NULL,
    old_rate numeric(6, 2),
    new_rate numeric(6, 2),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    note text
);
CREATE TABLE campaign (
    campaign_id integer GENERATED BY DEFAULT AS IDENTITY (START WITH 10 INCREMENT BY 10),
    name text NOT NULL,
    running daterange NOT NULL,
    place integer NOT NULL
);
CREATE TABLE sensor_reading (
    reading_id integer NOT NULL,
    label varchar(40),
    celsius double precision,
    humidity real,
    exact numeric,
    at timestamptz,
    local_time timestamp,
    day date,
    span interval,
    flags bit varying(16),
    spot point,
    ip inet,
    token uuid,
    raw bytea,
    document json,
    open boolean
);
CREATE TABLE supplier (supplier_id serial, fax text, name text NOT NULL, telex integer, city text);
CREATE TABLE wish_list (customer_id integer NOT NULL, film_id integer NOT NULL, wished_at timestamptz DEFAULT now());
CREATE TABLE stock_take (batch bigint NOT NULL, line integer NOT NULL, counted integer, note text);

CREATE TABLE "Back Office"."Staff Notes" (
    "Note Id" serial,
    "staff id" integer NOT NULL,
    "Note Text" text,
    "100% ""quoted"" column" text DEFAULT 'it''s \ fine'
);
CREATE TABLE "Back Office"."to.do 📼" ("select" integer NOT NULL, "Done?" boolean, "due.date" date);

-- What the oracle of the tests compares by: every transaction of the writer leaves exactly one row.
CREATE TABLE writer_log (
    id bigint GENERATED ALWAYS AS IDENTITY,
    xid bigint NOT NULL DEFAULT txid_current(),
    worker integer NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    note text
);
