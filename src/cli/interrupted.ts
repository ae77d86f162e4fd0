/** The user has stopped a command, by SIGINT; the message says how far it came. */
export class Interrupted extends Error {}
