/**
 * Decodes whatever any client sends. By default an argument of another encoding, or of broken JSON, fails the workflow
 * task for ever: one such signal would end a migration.
 */
import { defaultPayloadConverter } from '@temporalio/common';
import type { PayloadConverter } from '@temporalio/common';
import { Unreadable } from '../contract/parse-message.js';

/** Temporal's bundler expects this name. */
export const payloadConverter: PayloadConverter = {
  toPayload: (value, context) => defaultPayloadConverter.toPayload(value, context),
  fromPayload<T>(...[payload, context]: Parameters<PayloadConverter['fromPayload']>): T {
    try {
      return defaultPayloadConverter.fromPayload<T>(payload, context);
    } catch {
      return new Unreadable(new TextDecoder().decode(payload.metadata?.encoding ?? undefined)) as T;
    }
  },
};
