/** One table of 1 GB: no second one to copy meanwhile. */
import type { DataSet } from '../data-set.js';
import { ORDERS_TABLE_SQL, insertOrders } from './orders.js';

// At scale 1, without indexes about 1 GB.
const ORDERS = 3_200_000;

const INDEXES_SQL = `
  ALTER TABLE orders ADD PRIMARY KEY (id);
  CREATE INDEX orders_reference ON orders (reference);
  CREATE INDEX orders_customer ON orders (customer_id, placed_at)`;

export const single: DataSet = {
  name: 'single',
  fill: async (client, scale) => {
    await client.query(ORDERS_TABLE_SQL);
    await insertOrders(client, Math.ceil(ORDERS * scale));
    await client.query(INDEXES_SQL);
  },
};
