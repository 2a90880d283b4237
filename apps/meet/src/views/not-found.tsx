/** An address that leads nowhere. */
import { useI18n } from "../i18n/index.tsx";
import { navigate } from "../router.ts";
import { Button } from "../ui/button.tsx";
import styles from "./message.module.css";
import { Shell } from "./shell.tsx";

export function NotFound({ path }: { readonly path: string }) {
  const { t } = useI18n();
  return (
    <Shell title={t("notfound.title")}>
      <div className={styles.message}>
        <h1>{t("notfound.title")}</h1>
        <p className={styles.soft}>{t("notfound.text", { path })}</p>
        <Button look="primary" size="large" onClick={() => navigate({ view: "home" })}>
          {t("action.home")}
        </Button>
      </div>
    </Shell>
  );
}
