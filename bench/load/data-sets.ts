import { many } from './data-sets/many.js';
import { mixed } from './data-sets/mixed.js';
import { single } from './data-sets/single.js';
import type { DataSet, DataSetName } from './data-set.js';

export const DATA_SETS: Record<DataSetName, DataSet> = { mixed, single, many };
