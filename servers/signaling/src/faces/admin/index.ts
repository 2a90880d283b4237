export type { AdminContext, LiveControl } from "./context.ts";
export { ADMIN_CODES, type AdminCode } from "./errors.ts";
export { ADMIN_MAX_PARAM_LENGTH, type AdminFaceOptions, adminFace } from "./face.ts";
export { AdminToken, type AdminTokenOptions, resetAdminToken } from "./token.ts";
