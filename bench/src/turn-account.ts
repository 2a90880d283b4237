/** The one user that the measured TURN servers know. */
export const USER = "bench";
export const PASSWORD = "bench";
