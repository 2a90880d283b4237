/** The keyboard shortcuts, and the switch that turns them all off. */
import { useI18n } from "../i18n/index.tsx";
import { settings } from "../state/settings.ts";
import { useField } from "../state/store.ts";
import { Dialog } from "../ui/dialog.tsx";
import { CheckField } from "../ui/field.tsx";
import styles from "./help-dialog.module.css";
import { SHORTCUTS } from "./shortcuts.ts";

const TEXT = {
  microphone: "help.mic",
  camera: "help.camera",
  share: "help.share",
  chat: "help.chat",
  people: "help.people",
  layout: "help.layout",
  "page-back": "help.page.back",
  "page-next": "help.page.next",
  fullscreen: "help.fullscreen",
  talk: "help.talk",
  help: "help.help",
} as const;

export function HelpDialog({ onClose }: { readonly onClose: () => void }) {
  const { t } = useI18n();
  const enabled = useField(settings, "shortcuts");
  return (
    <Dialog title={t("help.title")} onClose={onClose}>
      <dl className={styles.list}>
        {SHORTCUTS.map(({ key, shortcut }) => (
          <div key={key} style={{ display: "contents" }}>
            <dt>
              <kbd>{key === " " ? t("help.space") : key.replace("Page", "Page ")}</kbd>
            </dt>
            <dd>{t(TEXT[shortcut])}</dd>
          </div>
        ))}
      </dl>
      <CheckField label={t("help.enable")} checked={enabled} onChange={(checked) => settings.set({ shortcuts: checked })} />
    </Dialog>
  );
}
