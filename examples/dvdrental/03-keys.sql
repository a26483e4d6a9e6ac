-- Keys, indexes and replica identities.

ALTER TABLE country ADD PRIMARY KEY (country_id);
ALTER TABLE city ADD PRIMARY KEY (city_id);
ALTER TABLE address ADD PRIMARY KEY (address_id);
ALTER TABLE language ADD PRIMARY KEY (language_id);
ALTER TABLE category ADD PRIMARY KEY (category_id);
ALTER TABLE actor ADD PRIMARY KEY (actor_id);
ALTER TABLE film ADD PRIMARY KEY (film_id);
ALTER TABLE film_actor ADD PRIMARY KEY (actor_id, film_id);
ALTER TABLE film_category ADD PRIMARY KEY (film_id, category_id);
ALTER TABLE film_review ADD PRIMARY KEY (review_id);
ALTER TABLE store ADD PRIMARY KEY (store_id);
ALTER TABLE staff ADD PRIMARY KEY (staff_id);
ALTER TABLE customer ADD PRIMARY KEY (customer_id);
ALTER TABLE inventory ADD PRIMARY KEY (inventory_id);
ALTER TABLE rental ADD PRIMARY KEY (rental_id);
ALTER TABLE payment ADD PRIMARY KEY (payment_id, paid_at);
ALTER TABLE refund ADD PRIMARY KEY (refund_id);
ALTER TABLE customer_account ADD PRIMARY KEY (customer_id);
ALTER TABLE store_account ADD PRIMARY KEY (store_id);
ALTER TABLE shop_event ADD PRIMARY KEY (event_id);
ALTER TABLE campaign ADD PRIMARY KEY (campaign_id);
ALTER TABLE sensor_reading ADD PRIMARY KEY (reading_id);
ALTER TABLE supplier ADD PRIMARY KEY (supplier_id);
ALTER TABLE wish_list ADD PRIMARY KEY (customer_id, film_id);
ALTER TABLE stock_take ADD PRIMARY KEY (batch, line);
ALTER TABLE "Back Office"."Staff Notes" ADD CONSTRAINT "Staff Notes: key" PRIMARY KEY ("Note Id");
ALTER TABLE "Back Office"."to.do 📼" ADD PRIMARY KEY ("select");
ALTER TABLE writer_log ADD PRIMARY KEY (id);

CREATE UNIQUE INDEX loyalty_card_number ON loyalty_card (card_number);
ALTER TABLE loyalty_card REPLICA IDENTITY USING INDEX loyalty_card_number;
ALTER TABLE price_history REPLICA IDENTITY FULL;

ALTER TABLE campaign ADD CONSTRAINT campaign_place_is_unique UNIQUE (place) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE campaign ADD CONSTRAINT one_campaign_at_a_time EXCLUDE USING gist (running WITH &&);
ALTER TABLE staff ADD CONSTRAINT staff_username_is_unique UNIQUE (username);
CREATE UNIQUE INDEX store_manager ON store (manager_id);
CREATE UNIQUE INDEX rental_once ON rental (rented_at, inventory_id, customer_id);

CREATE INDEX actor_last_name ON actor (last_name);
CREATE INDEX city_country ON city (country_id);
CREATE INDEX address_city ON address (city_id);
CREATE INDEX customer_last_name ON customer (lower(last_name), first_name DESC NULLS LAST);
CREATE INDEX customer_store ON customer (store_id) INCLUDE (email) WHERE active;
CREATE INDEX customer_preferences ON customer USING gin (preferences);
CREATE INDEX film_title ON film (title varchar_pattern_ops);
CREATE INDEX film_fulltext ON film USING gin (fulltext);
CREATE INDEX film_features ON film USING gin (special_features);
CREATE INDEX film_actor_film ON film_actor (film_id);
CREATE INDEX inventory_film ON inventory (film_id, store_id);
CREATE INDEX rental_inventory ON rental (inventory_id);
CREATE INDEX rental_open ON rental (customer_id) WHERE returned_at IS NULL;
CREATE INDEX payment_customer ON payment (customer_id);
CREATE INDEX payment_rental ON payment (rental_id);
CREATE INDEX payment_2025_03_amount ON payment_2025_03 (amount);
CREATE INDEX refund_payment ON refund (payment_id, paid_at);
CREATE INDEX shop_event_details ON shop_event USING gin (details jsonb_path_ops);
CREATE INDEX shop_event_time ON shop_event USING brin (happened_at);
CREATE INDEX shop_event_kind ON shop_event USING hash (kind);
CREATE INDEX "Notes by staff" ON "Back Office"."Staff Notes" ("staff id");
ALTER TABLE customer ALTER COLUMN last_name SET STATISTICS 200;
CREATE STATISTICS address_place (ndistinct, dependencies) ON city_id, postal_code FROM address;

ALTER TABLE city ADD FOREIGN KEY (country_id) REFERENCES country;
ALTER TABLE address ADD FOREIGN KEY (city_id) REFERENCES city;
ALTER TABLE film ADD FOREIGN KEY (language_id) REFERENCES language;
ALTER TABLE film ADD CONSTRAINT film_sequel FOREIGN KEY (sequel_of) REFERENCES film ON DELETE SET NULL;
ALTER TABLE film_actor ADD FOREIGN KEY (actor_id) REFERENCES actor, ADD FOREIGN KEY (film_id) REFERENCES film ON DELETE CASCADE;
ALTER TABLE film_category ADD FOREIGN KEY (film_id) REFERENCES film, ADD FOREIGN KEY (category_id) REFERENCES category;
ALTER TABLE film_review ADD FOREIGN KEY (film_id) REFERENCES film;
-- A store has a manager of its own staff, and staff has a store: a circle, so one side waits for the commit.
ALTER TABLE store ADD CONSTRAINT store_manager_is_staff FOREIGN KEY (manager_id) REFERENCES staff DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE store ADD FOREIGN KEY (address_id) REFERENCES address;
ALTER TABLE staff ADD FOREIGN KEY (store_id) REFERENCES store, ADD FOREIGN KEY (reports_to) REFERENCES staff;
ALTER TABLE customer ADD FOREIGN KEY (store_id) REFERENCES store, ADD FOREIGN KEY (address_id) REFERENCES address;
ALTER TABLE inventory ADD FOREIGN KEY (film_id) REFERENCES film, ADD FOREIGN KEY (store_id) REFERENCES store;
ALTER TABLE rental ADD FOREIGN KEY (inventory_id) REFERENCES inventory, ADD FOREIGN KEY (customer_id) REFERENCES customer, ADD FOREIGN KEY (staff_id) REFERENCES staff;
ALTER TABLE payment ADD FOREIGN KEY (rental_id) REFERENCES rental, ADD FOREIGN KEY (customer_id) REFERENCES customer;
ALTER TABLE refund ADD FOREIGN KEY (payment_id, paid_at) REFERENCES payment ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE customer_account ADD FOREIGN KEY (customer_id) REFERENCES customer;
ALTER TABLE store_account ADD FOREIGN KEY (store_id) REFERENCES store;
ALTER TABLE loyalty_card ADD FOREIGN KEY (customer_id) REFERENCES customer;
ALTER TABLE wish_list ADD FOREIGN KEY (customer_id) REFERENCES customer, ADD FOREIGN KEY (film_id) REFERENCES film;
ALTER TABLE "Back Office"."Staff Notes" ADD FOREIGN KEY ("staff id") REFERENCES staff;
-- Never validated: it must stay so on the target, as rows may break it.
ALTER TABLE supplier ADD CONSTRAINT supplier_has_city CHECK (city <> '') NOT VALID;
