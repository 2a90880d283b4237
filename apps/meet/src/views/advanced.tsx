/** What most people never need before a room: which way the media goes. The address carries it, so that all who get the link go the same way. */
import { useI18n } from "../i18n/index.tsx";
import { navigate, type RoomChoice } from "../router.ts";
import { SelectField } from "../ui/field.tsx";
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
        hint={t(`advanced.way.${choice}.hint`)}
        value={choice}
        choices={CHOICES.map((value) => ({ value, text: t(`advanced.way.${value}`) }))}
        onChange={(event) =>
          navigate({ view: "room", room, listen, mode: event.target.value as RoomChoice, secret }, { replace: true })
        }
      />
    </details>
  );
}
