-- Functions and triggers of the shop.

CREATE FUNCTION last_day(day date) RETURNS date LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT (pg_catalog.date_trunc('month', day) + interval '1 month - 1 day')::date
$$;
-- An index on a function of ours: it can only be built where the function exists already.
CREATE INDEX customer_created_month ON customer (last_day(created_on));

CREATE FUNCTION inventory_in_stock(copy integer) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (SELECT FROM public.rental WHERE inventory_id = copy AND returned_at IS NULL)
$$;

CREATE FUNCTION film_in_stock(wanted integer, shop integer, OUT copy integer) RETURNS SETOF integer LANGUAGE sql STABLE AS $$
    SELECT inventory_id FROM public.inventory WHERE film_id = wanted AND store_id = shop AND public.inventory_in_stock(inventory_id)
$$;

CREATE FUNCTION inventory_held_by(copy integer) RETURNS integer LANGUAGE plpgsql STABLE AS $$
DECLARE
    holder integer;
BEGIN
    SELECT customer_id INTO holder FROM public.rental WHERE inventory_id = copy AND returned_at IS NULL;
    RETURN holder;
END
$$;

CREATE FUNCTION customer_balance(who integer, effective timestamptz DEFAULT now()) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT balance FROM public.customer_account WHERE customer_id = who)
        - coalesce((SELECT sum(amount) FROM public.payment WHERE customer_id = who AND paid_at <= effective), 0);
END
$$;

CREATE FUNCTION rewards_report(least_payments integer) RETURNS SETOF public.customer LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT c.* FROM public.customer c
    WHERE (SELECT count(*) FROM public.payment p WHERE p.customer_id = c.customer_id) >= least_payments;
END
$$;

CREATE FUNCTION join_text(so_far text, next text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN so_far IS NULL THEN next WHEN next IS NULL THEN so_far ELSE so_far || ', ' || next END
$$;
CREATE AGGREGATE group_concat(text) (SFUNC = join_text, STYPE = text);

CREATE FUNCTION touch_last_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.last_update := clock_timestamp();
    RETURN NEW;
END
$$;
CREATE TRIGGER customer_last_update BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION touch_last_update();
CREATE TRIGGER rental_last_update BEFORE UPDATE ON rental FOR EACH ROW EXECUTE FUNCTION touch_last_update();
CREATE TRIGGER film_fulltext_update BEFORE INSERT OR UPDATE OF title, description ON film
    FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger(fulltext, 'pg_catalog.english', title, description);

-- A target that fires it for replicated rows has every price twice.
CREATE FUNCTION record_price() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.price_history (film_id, old_rate, new_rate, note) VALUES (NEW.film_id, OLD.rental_rate, NEW.rental_rate, 'by trigger');
    RETURN NULL;
END
$$;
CREATE TRIGGER film_price AFTER UPDATE OF rental_rate ON film
    FOR EACH ROW WHEN (OLD.rental_rate IS DISTINCT FROM NEW.rental_rate) EXECUTE FUNCTION record_price();

COMMENT ON FUNCTION last_day(date) IS 'The last day of the month';
COMMENT ON TRIGGER film_price ON film IS 'Keeps price_history';
