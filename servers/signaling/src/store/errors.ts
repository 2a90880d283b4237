/** Codes of the store. */
export const STORE_CODES = {
  "store.app.unknown": "There is no app with this ID.",
  "store.key.taken": "Another app has this API key, now or from before a rotation.",
  "store.key.repeated": "An import has the same API key twice.",
  "store.import.refused": "An import was refused as a whole; nothing was changed.",
  "store.row.invalid": "A row of the database is not what this server wrote there.",
  "store.database.unreachable": "The database cannot be opened.",
  "store.database.newer": "The database was written by a newer version.",
} as const;

export type StoreCode = keyof typeof STORE_CODES;
