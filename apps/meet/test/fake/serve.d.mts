/** The app over its pretended server, at an own port. */
export function serveFake(port?: number): Promise<{ readonly url: string; readonly close: () => Promise<void> }>;
