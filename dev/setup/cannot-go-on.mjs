/** A step that a person must help with; the message says exactly how. */
export class CannotGoOn extends Error {}
