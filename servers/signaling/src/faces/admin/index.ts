export type { AdminContext, LiveControl } from "./context.ts";
export { ADMIN_CODES, type AdminCode } from "./errors.ts";
export { type AdminFaceOptions, adminFace } from "./face.ts";
export { ADMIN_MAX_PARAM_LENGTH } from "./limits.ts";
export { Operator, type OperatorOptions } from "./operator.ts";
export { AdminToken, type AdminTokenOptions, resetAdminToken } from "./token.ts";
