/** An error: what happened, what to do now, the code small and ready to copy, and the next step as a button. */
import { Check, Copy, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { useI18n } from "../i18n/index.tsx";
import { describeError, type ShownError } from "../text/errors.ts";
import styles from "./error-box.module.css";
import { useCopy } from "./use-copy.ts";

export function ErrorBox({ error, children }: { readonly error: ShownError; readonly children?: ReactNode }) {
  const { locale } = useI18n();
  const { happened, remedy, code } = describeError(error, locale);
  return (
    <div className={styles.box} role="alert">
      <TriangleAlert size={20} aria-hidden="true" />
      <div className={styles.text}>
        <p className={styles.happened}>{happened}</p>
        {remedy === undefined ? null : <p>{remedy}</p>}
        {children === undefined ? null : <div className={styles.actions}>{children}</div>}
        <ErrorCode code={code} />
      </div>
    </div>
  );
}

export function ErrorCode({ code }: { readonly code: string }) {
  const { t } = useI18n();
  const { copied, copy } = useCopy();
  return (
    <button type="button" className={styles.code} aria-label={`${t("error.code.copy")}: ${code}`} onClick={() => copy(code)}>
      {code}
      {copied === "yes" ? <Check size={14} aria-hidden="true" /> : <Copy size={14} aria-hidden="true" />}
    </button>
  );
}
