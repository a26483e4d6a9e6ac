-- Views, the materialised view and comments.

CREATE VIEW customer_list AS
SELECT c.customer_id AS id, c.first_name || ' ' || c.last_name AS name, a.street, a.postal_code AS "zip code", ci.name AS city, co.name AS country,
    CASE WHEN c.active THEN 'active' ELSE '' END AS notes
FROM customer c JOIN address a USING (address_id) JOIN city ci USING (city_id) JOIN country co USING (country_id);

CREATE VIEW staff_list AS
SELECT s.staff_id, s.first_name, s.last_name, boss.last_name AS reports_to, st.opening_hours ->> 'mon' AS monday
FROM staff s JOIN store st USING (store_id) LEFT JOIN staff boss ON boss.staff_id = s.reports_to;

CREATE VIEW film_list AS
SELECT f.film_id, f.title, f.rating, f.day_rate, ca.name AS category, string_agg(a.first_name || ' ' || a.last_name, ', ' ORDER BY fa.billing) AS actors
FROM film f JOIN film_category fc USING (film_id) JOIN category ca USING (category_id)
LEFT JOIN film_actor fa USING (film_id) LEFT JOIN actor a USING (actor_id)
GROUP BY f.film_id, ca.name;

CREATE VIEW sales_by_store AS
SELECT s.store_id, count(p.payment_id) AS payments, sum(p.amount) AS total
FROM store s JOIN staff USING (store_id) JOIN payment p USING (staff_id) GROUP BY s.store_id;

CREATE VIEW sales_by_category AS
SELECT ca.name AS category, sum(p.amount) AS total
FROM payment p JOIN rental USING (rental_id) JOIN inventory i USING (inventory_id)
JOIN film_category USING (film_id) JOIN category ca USING (category_id) GROUP BY ca.name;

CREATE VIEW overdue_rental AS
SELECT r.rental_id, r.customer_id, f.title, r.rented_at + make_interval(days => f.rental_days) AS due
FROM rental r JOIN inventory USING (inventory_id) JOIN film f USING (film_id) WHERE r.returned_at IS NULL;

-- Grouped by the primary key alone: the view needs the key, which a dump creates after the data, so pg_dump splits it in two.
CREATE VIEW customer_spending AS
SELECT c.customer_id, c.first_name, c.last_name, c.email, c.preferences -> 'genre' AS genre, coalesce(sum(p.amount), 0) AS spent
FROM customer c LEFT JOIN payment p USING (customer_id) GROUP BY c.customer_id;

CREATE VIEW best_customer AS SELECT customer_id, first_name, last_name, spent FROM customer_spending WHERE spent > 20;

CREATE VIEW "Back Office"."Notes & names" WITH (security_barrier) AS
SELECT n."Note Id", n."Note Text", s.username FROM "Back Office"."Staff Notes" n JOIN staff s ON s.staff_id = n."staff id" WHERE s.active;

CREATE MATERIALIZED VIEW film_popularity AS
SELECT f.film_id, f.title, count(r.rental_id) AS rentals
FROM film f LEFT JOIN inventory USING (film_id) LEFT JOIN rental r USING (inventory_id) GROUP BY f.film_id;
CREATE UNIQUE INDEX film_popularity_film ON film_popularity (film_id);
CREATE INDEX film_popularity_rentals ON film_popularity (rentals DESC);

COMMENT ON TABLE film IS 'One row a title; copies are in inventory. It''s commented with a quote.';
COMMENT ON COLUMN film.day_rate IS 'Generated: what one day costs';
COMMENT ON TABLE payment IS 'Partitioned by month (UTC); older and later ones are in payment_other';
COMMENT ON VIEW customer_spending IS 'Depends on the primary key of customer';
COMMENT ON MATERIALIZED VIEW film_popularity IS 'Refreshed at night';
COMMENT ON DOMAIN release_year IS 'The year of the first showing';
COMMENT ON TYPE film_rating IS 'Age groups';
COMMENT ON SEQUENCE invoice_number IS 'Owned by no column';
COMMENT ON INDEX film_fulltext IS 'Search of the web shop';
COMMENT ON CONSTRAINT one_campaign_at_a_time ON campaign IS 'Campaigns never overlap';
COMMENT ON SCHEMA "Back Office" IS 'What customers never see 📼';
COMMENT ON TABLE "Back Office"."to.do 📼" IS E'Several\nlines';
