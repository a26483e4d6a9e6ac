-- Every value comes from arithmetic on a counter, so that two runs give the same rows. The setting dvd.factor (default 1)
-- multiplies the big tables: customer, address, inventory, rental, payment, shop_event and the accounts.

-- psql: SET dvd.factor = 100; before this file.
SELECT set_config('dvd.factor', coalesce(nullif(current_setting('dvd.factor', true), ''), '1'), false);

-- The leaves are made by month in UTC, whatever the session's time zone is.
CREATE FUNCTION create_payment_leaf(month date) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    leaf text := 'payment_' || to_char(month, 'YYYY_MM');
BEGIN
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF payment FOR VALUES FROM (%L) TO (%L)',
        leaf, month || ' 00:00:00+00', (month + interval '1 month')::date || ' 00:00:00+00');
    RETURN leaf;
END
$$;

-- A leaf that was a table of its own before: its columns stand in another order, and one was dropped.
CREATE TABLE payment_2025_01 (
    paid_at timestamptz NOT NULL,
    cashier text,
    amount numeric(8, 2) NOT NULL CONSTRAINT payment_amount_check CHECK (amount >= 0),
    rental_id integer NOT NULL,
    payment_id bigint NOT NULL DEFAULT nextval('payment_payment_id_seq'),
    staff_id integer NOT NULL,
    customer_id integer NOT NULL
);
ALTER TABLE payment_2025_01 DROP COLUMN cashier;
ALTER TABLE payment ATTACH PARTITION payment_2025_01 FOR VALUES FROM ('2025-01-01 00:00:00+00') TO ('2025-02-01 00:00:00+00');
SELECT create_payment_leaf(month::date) FROM generate_series(timestamp '2025-02-01', '2025-06-01', '1 month') month;
-- Where the writer's payments of today go.
SELECT create_payment_leaf((date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead))::date)
FROM generate_series(0, 1) ahead;

INSERT INTO country (name)
SELECT (ARRAY['North', 'South', 'East', 'West', 'Upper'])[1 + i % 5] || (ARRAY['land', 'mark', 'shire', 'ia', 'stan'])[1 + i / 5 % 5] || ' ' || i
FROM generate_series(1, 109) i;
INSERT INTO city (country_id, name) SELECT 1 + i * 7 % 109, 'City of ' || chr(65 + i % 26) || chr(97 + i / 26 % 26) || i FROM generate_series(1, 600) i;
INSERT INTO language (name) VALUES ('English'), ('Français'), ('日本語'), ('Deutsch'), ('Español'), ('Português');
INSERT INTO category (name, shelf)
SELECT name, CASE WHEN name <> 'New' THEN n END
FROM unnest(ARRAY['Action', 'Animation', 'Children', 'Classics', 'Comedy', 'Documentary', 'Drama', 'Family', 'Foreign',
    'Games', 'Horror', 'Music', 'New', 'Sci-Fi', 'Sports', 'Travel']) WITH ORDINALITY AS c (name, n);
INSERT INTO actor (first_name, last_name)
SELECT (ARRAY['Ada', 'Bo', 'Cleo', 'Dov', 'Eve', 'Finn', 'Gus', 'Hana', 'Ivo', 'Jún'])[1 + i % 10], (ARRAY['O''Hara', 'Müller', 'de la Cruz', 'Ng', 'Åberg'])[1 + i % 5] || ' ' || i
FROM generate_series(1, 200) i;

INSERT INTO film (title, description, released, language_id, sequel_of, rental_days, rental_rate, length_minutes, rating, special_features, ratings_by_age, fulltext, last_update)
SELECT title, description, 1950 + i * 13 % 75, 1 + i % 6, CASE WHEN i % 50 = 0 THEN i - 7 END, 3 + i % 5, 0.99 + i % 5,
    nullif(40 + i * 37 % 150, 100), (enum_range(NULL::film_rating))[1 + i % 5],
    (ARRAY['{Trailers}', '{Commentaries,"Deleted Scenes"}', '{}', NULL, '{"Behind the Scenes",NULL,"a,b"}'])[1 + i % 5]::text[],
    ARRAY[ARRAY[i % 5, i % 7], ARRAY[i % 3, i % 11]], to_tsvector('english', title || ' ' || description),
    timestamptz '2025-01-01 00:00+00' + make_interval(mins => i)
FROM (
    SELECT i, (ARRAY['Silent', 'Golden', 'Last', 'Electric', 'Paper', 'Crimson', 'Broken', 'Secret'])[1 + i % 8] || ' '
        || (ARRAY['Harbour', 'Engine', 'Orchard', 'Mirror', 'Winter', 'Parade', 'Island'])[1 + i % 7] || ' ' || i AS title,
        'A tale of a ' || (ARRAY['baker', 'pilot', 'robot', 'sailor', 'teacher'])[1 + i % 5] || ' who must find a '
        || (ARRAY['lost map', 'rival', 'way home', 'hidden city'])[1 + i % 4] || ' in the mountains' AS description
    FROM generate_series(1, 1000) i
) AS films ORDER BY i;
INSERT INTO film_actor SELECT DISTINCT ON (1, 2) 1 + (i * 31 + k * 47) % 200, i, k FROM generate_series(1, 1000) i, generate_series(1, 3) k ORDER BY 1, 2, 3;
INSERT INTO film_category SELECT i, 1 + i * 5 % 16 FROM generate_series(1, 1000) i;
INSERT INTO film_review (film_id, stars, body)
SELECT i, i % 6, CASE WHEN i % 10 > 0 THEN (SELECT string_agg(md5(i || '/' || k), E'\n') FROM generate_series(1, 50 + i * 3) k) END
FROM generate_series(1, 150) i;

INSERT INTO address (city_id, street, postal_code, phone, last_update)
SELECT 1 + i * 11 % 600, i || ' ' || (ARRAY['Mill', 'Station', 'Garden', 'Market'])[1 + i % 4] || ' Street',
    lpad((i * 37 % 100000)::text, 5, '0'), CASE WHEN i % 9 > 0 THEN '+' || (1000000 + i) END, timestamptz '2025-01-01 00:00+00' + make_interval(mins => i % 500000)
FROM generate_series(1, 20 + (600 * current_setting('dvd.factor')::numeric)::integer) i;
INSERT INTO store (manager_id, address_id, opening_hours)
SELECT i, i, jsonb_build_object('mon', jsonb_build_array(9, 17 + i % 4), 'sun', NULL) FROM generate_series(1, 8) i;
INSERT INTO staff (store_id, reports_to, first_name, last_name, username, picture, active)
SELECT 1 + (i - 1) % 8, CASE WHEN i > 8 THEN 1 + (i - 1) % 8 WHEN i > 1 THEN 1 END, 'Staff ' || i, 'Name', 'staff' || i, CASE WHEN i % 4 > 0 THEN decode(md5(i::text) || '00ff5c27', 'hex') END, i % 7 > 0
FROM generate_series(1, 24) i;
INSERT INTO customer (store_id, address_id, first_name, last_name, email, active, preferences, favourites, created_on, last_update)
SELECT 1 + i % 8, 20 + i, (ARRAY['Mina', 'Noor', 'Otto', 'Pia', 'Quin', 'Rosa', 'Sven'])[1 + i % 7], (ARRAY['Abbott', 'Bauer', 'Costa', 'Dupont', 'Evans'])[1 + i % 5] || i,
    CASE WHEN i % 20 > 0 THEN 'customer' || i || '@example.org' END, i % 13 > 0,
    jsonb_build_object('news', i % 2 = 0, 'genre', 1 + i % 16, 'limits', jsonb_build_array(i % 18, NULL, 'é"\')), ARRAY[i % 1000, i * 3 % 1000],
    date '2024-01-01' + i % 366, timestamptz '2025-01-01 00:00+00' + make_interval(mins => i % 500000)
FROM generate_series(1, (600 * current_setting('dvd.factor')::numeric)::integer) i;
INSERT INTO customer_account SELECT customer_id, 100 + customer_id % 50 FROM customer;
INSERT INTO store_account SELECT store_id, 100000.50 FROM store;
INSERT INTO inventory (film_id, store_id, shelf_place, last_update)
SELECT 1 + i % 1000, 1 + i / 1000 % 8, chr(65 + i % 26) || '-' || i % 400, timestamptz '2025-01-01 00:00+00' + make_interval(mins => i % 500000)
FROM generate_series(1, (4500 * current_setting('dvd.factor')::numeric)::integer) i;

INSERT INTO rental (rented_at, inventory_id, customer_id, returned_at, staff_id, last_update)
SELECT rented_at, i, 1 + i * 7 % (600 * current_setting('dvd.factor')::numeric)::integer, CASE WHEN i % 15 > 0 THEN rented_at + make_interval(days => 1 + i % 9) END, 1 + i % 24, rented_at
FROM (SELECT i, timestamptz '2025-01-01 00:00+00' + make_interval(days => i % 181, secs => i * 17 % 86400) AS rented_at
    FROM generate_series(1, (4000 * current_setting('dvd.factor')::numeric)::integer) i) AS rentals ORDER BY i;
-- Some are older than every leaf: they live in the default partition.
INSERT INTO payment (customer_id, staff_id, rental_id, amount, paid_at)
SELECT customer_id, staff_id, rental_id, 0.99 + rental_id % 10, rented_at - make_interval(years => (rental_id % 97 = 0)::integer)
FROM rental ORDER BY rental_id;
INSERT INTO refund (payment_id, paid_at, reason) SELECT payment_id, paid_at, CASE WHEN payment_id % 2 = 0 THEN 'scratched' END FROM payment WHERE payment_id % 200 = 0 ORDER BY 1;
INSERT INTO shop_event (happened_at, kind, details)
SELECT timestamptz '2025-01-01 00:00+00' + make_interval(secs => i), (ARRAY['visit', 'search', 'rent', 'return'])[1 + i % 4],
    CASE WHEN i % 25 > 0 THEN jsonb_build_object('customer', i % 600, 'words', jsonb_build_array('w' || i % 100, 'w' || i % 37), 'deep', jsonb_build_object('x', i / 7.0)) END
FROM generate_series(1, (3000 * current_setting('dvd.factor')::numeric)::integer) i;

INSERT INTO loyalty_card SELECT 'C-' || lpad(i::text, 8, '0'), i, i * 3 % 500 FROM generate_series(1, least(500, (SELECT max(customer_id) FROM customer))) i;
INSERT INTO price_history SELECT i, 2.99, 3.99, timestamptz '2025-02-03 04:05:06.789+00', CASE WHEN i % 3 > 0 THEN 'seasonal' END FROM generate_series(1, 60) i;
-- Two rows that are equal in every column.
INSERT INTO price_history SELECT 61, 1.00, NULL, timestamptz '2025-02-03 00:00+00', NULL FROM generate_series(1, 2);
INSERT INTO campaign (name, running, place)
SELECT 'Campaign ' || i, daterange(date '2025-01-01' + i * 10, date '2025-01-01' + i * 10 + 7), i FROM generate_series(1, 12) i;
INSERT INTO sensor_reading VALUES
    (1, 'not a number', 'NaN', 'NaN', 'NaN', 'infinity', '-infinity', 'infinity', '1 year -2 mons +3 days -04:05:06.789', B'', '(1.5,-2)', '10.0.0.1/8', '00000000-0000-0000-0000-000000000001', '\x', '{"a": 1,  "a":2}', true),
    (2, 'infinite', 'infinity', '-infinity', 0.000000000000000000000000001, '-infinity', 'infinity', '-infinity', '0', B'1010', '(NaN,infinity)', '::1', NULL, '\x00ff0a0d27', '[null]', false),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (4, '', '-0', 1e-38, 12345678901234567890.123456789012345678900, '4713-01-01 BC', '294276-12-31 23:59:59.999999', '5874897-12-31', '-178000000 years', B'0', '(0,0)', '192.168.0.0/16', NULL, NULL, 'null', NULL),
    (5, E'tab\tquote''back\\slash\nline', 0.1, 0.1, -1, '2025-03-30 01:30:00+00', '2025-03-30 02:30:00', '0001-01-01 BC', '1 microsecond', B'1111111111111111', NULL, NULL, NULL, NULL, '"\u00e9"', true);
INSERT INTO supplier (fax, name, telex, city) SELECT 'fax', 'Supplier ' || i, i, 'City ' || i FROM generate_series(1, 20) i;
ALTER TABLE supplier DROP COLUMN fax, DROP COLUMN telex;
INSERT INTO "Back Office"."Staff Notes" ("staff id", "Note Text") SELECT 1 + i % 24, CASE WHEN i % 5 > 0 THEN 'Note “' || i || '” 📝' END FROM generate_series(1, 50) i;
INSERT INTO "Back Office"."to.do 📼" SELECT i, nullif(i % 3, 0) = 1, date '2025-01-01' + i FROM generate_series(1, 20) i;
SELECT count(nextval('invoice_number')) FROM generate_series(1, 42);
SELECT count(nextval('countdown')) FROM generate_series(1, 7);
