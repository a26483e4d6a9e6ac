-- One transaction of the shop's day, for dev/writer.ts: one round trip, five to eight changed rows in several tables.

CREATE FUNCTION dvd_writer_step(worker integer, n bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    mix bigint := worker::bigint * 7919 + n * 104729;
    who integer := 1 + mix % (SELECT max(customer_id) FROM customer);
    shop integer := 1 + mix % 8;
    film_no integer := 1 + mix % 1000;
    amount numeric := (1 + mix % 500) / 100.0 * (CASE WHEN mix % 2 = 0 THEN 1 ELSE -1 END);
    new_rental integer;
    logged bigint;
BEGIN
    UPDATE customer_account SET balance = balance - amount WHERE customer_id = who;
    UPDATE store_account SET balance = balance + amount WHERE store_id = shop;
    INSERT INTO rental (rented_at, inventory_id, customer_id, staff_id)
    VALUES (clock_timestamp(), 1 + mix % (SELECT max(inventory_id) FROM inventory), who, 1 + mix % 24) RETURNING rental_id INTO new_rental;
    INSERT INTO payment (customer_id, staff_id, rental_id, amount, paid_at) VALUES (who, 1 + mix % 24, new_rental, abs(amount), now());
    PERFORM dvd_writer_extra(((n + worker) % 10)::integer, who, film_no, new_rental, mix);
    INSERT INTO writer_log (worker, note) VALUES (worker, 'step ' || n) RETURNING id INTO logged;
    RETURN logged;
END
$$;

CREATE FUNCTION dvd_writer_extra(branch integer, who integer, film_no integer, new_rental integer, mix bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    old_rental integer := new_rental - 50;
BEGIN
    CASE branch
    WHEN 0 THEN
        UPDATE customer SET preferences = jsonb_set(preferences, '{seen}', to_jsonb(mix)), favourites = (film_no || favourites)[1:5] WHERE customer_id = who;
    WHEN 1 THEN
        UPDATE film SET special_features = ARRAY['Trailers', 'mix ' || mix % 100, NULL], description = 'A tale told ' || mix % 1000 || ' times' WHERE film_id = film_no;
    WHEN 2 THEN
        UPDATE film_review SET stars = mix % 6 WHERE review_id = 1 + mix % 150;
    WHEN 3 THEN
        INSERT INTO shop_event (kind, details) VALUES ('rent', jsonb_build_object('customer', who, 'note', E'it''s "new" \\ \n line', 'n', mix)), ('visit', NULL);
        DELETE FROM shop_event WHERE event_id = 1 + mix % 3000;
    WHEN 4 THEN
        UPDATE loyalty_card SET card_number = 'M-' || mix || '-' || new_rental, points = points + 1
        WHERE card_number = (SELECT card_number FROM loyalty_card WHERE card_number > 'C-' || lpad((mix % 500)::text, 8, '0') ORDER BY card_number LIMIT 1);
    WHEN 5 THEN
        DELETE FROM payment WHERE rental_id = old_rental;
        DELETE FROM rental WHERE rental_id = old_rental;
    WHEN 6 THEN
        -- Removed first, so that a table without a key stays small: the target searches it row by row.
        DELETE FROM price_history WHERE film_id = film_no;
        UPDATE film SET rental_rate = 0.99 + mix % 7 WHERE film_id = film_no;
    WHEN 7 THEN
        UPDATE "Back Office"."Staff Notes" SET "Note Text" = nullif('Note ' || mix % 7, 'Note 3') WHERE "Note Id" = 1 + mix % 50;
        UPDATE price_history SET note = nullif('seen ' || mix % 5, 'seen 0') WHERE film_id = film_no;
    WHEN 8 THEN
        -- A payment moves to the leaf of another month: a delete there and an insert here.
        UPDATE payment SET paid_at = paid_at + interval '31 days' WHERE payment_id = 1 + mix % 3500 AND paid_at < '2025-05-01 00:00+00';
        UPDATE rental SET returned_at = clock_timestamp() WHERE rental_id = old_rental AND returned_at IS NULL;
    ELSE
        INSERT INTO wish_list (customer_id, film_id) VALUES (who, film_no) ON CONFLICT (customer_id, film_id) DO UPDATE SET wished_at = clock_timestamp();
        UPDATE film_review SET body = (SELECT string_agg(md5(mix || '/' || k), ' ') FROM generate_series(1, 100) k) WHERE review_id = 1 + mix % 150 AND mix % 5 = 0;
    END CASE;
END
$$;
