/** Why a call ended, for the one who reads it. */
import type { CallEnd } from "../call/model.ts";
import type { Translate } from "../i18n/index.tsx";

export type EndText = { readonly text: string; readonly remedy: string | undefined };

export function endText(end: CallEnd, outgoing: boolean, name: string, t: Translate): EndText {
  const plain = (text: string): EndText => ({ text, remedy: undefined });
  switch (end.reason) {
    case "hung-up":
      return plain(end.byMe ? t("phone.reason.self") : t("phone.reason.hung-up", { name }));
    case "declined":
      return plain(end.byMe ? t("phone.reason.declined.self") : t("phone.reason.declined", { name }));
    case "cancelled":
      // The caller gave up before we answered: for us that is a missed call.
      return plain(end.byMe ? t("phone.reason.cancelled.self") : t("phone.reason.missed", { name }));
    case "unanswered":
      return plain(outgoing ? t("phone.reason.unanswered") : t("phone.reason.missed", { name }));
    case "busy":
      return plain(t("phone.reason.busy", { name }));
    case "unsupported":
      return plain(t("phone.reason.unsupported"));
    case "peer-left":
      return plain(t("phone.reason.peer-left", { name }));
    case "failed":
      return { text: t("phone.reason.failed"), remedy: t("phone.reason.failed.remedy") };
    default:
      return plain(t("phone.reason.other", { reason: end.reason }));
  }
}
