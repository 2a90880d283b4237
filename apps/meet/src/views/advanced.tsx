/**
 * What most people never need before a room: which way the media goes, and whether even the server is kept from it. The address
 * carries both, so that all who get the link go the same way.
 */
import { Lock } from "lucide-react";
import { useI18n } from "../i18n/index.tsx";
import { makeSecret, navigate, type RoomChoice } from "../router.ts";
import { CheckField, SelectField } from "../ui/field.tsx";
import styles from "./prejoin.module.css";

type AdvancedProps = {
  readonly room: string;
  readonly listen: boolean;
  readonly choice: RoomChoice;
  readonly secret: string | undefined;
};

const CHOICES: readonly RoomChoice[] = ["auto", "small", "large"];

export function Advanced({ room, listen, choice, secret }: AdvancedProps) {
  const { t } = useI18n();
  return (
    <details className={styles.advanced}>
      <summary>{t("advanced.title")}</summary>
      <SelectField
        label={t("advanced.way")}
        hint={t(secret === undefined ? `advanced.way.${choice}.hint` : "advanced.way.secret.hint")}
        value={secret === undefined ? choice : "large"}
        disabled={secret !== undefined}
        choices={CHOICES.map((value) => ({ value, text: t(`advanced.way.${value}`) }))}
        onChange={(event) =>
          navigate({ view: "room", room, listen, mode: event.target.value as RoomChoice, secret }, { replace: true })
        }
      />
      <CheckField
        label={t("advanced.secret")}
        checked={secret !== undefined}
        onChange={(checked) =>
          navigate({ view: "room", room, listen, mode: choice, secret: checked ? makeSecret() : undefined }, { replace: true })
        }
      />
      {secret === undefined ? null : (
        <p className={styles.note}>
          <Lock size={16} aria-hidden="true" />
          <span>{t("advanced.secret.hint")}</span>
        </p>
      )}
    </details>
  );
}
