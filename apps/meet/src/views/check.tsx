/** "Check my connection": which ways out of this network work, what that means for calls, and what to change. */
import type { FindingCode, NetworkKind, Verdict } from "@tsunagi/turn/verdict";
import { Check, CircleDashed, LoaderCircle, Minus, RotateCcw, TriangleAlert, X } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { Checkup, type CheckupState } from "../check/checkup.ts";
import { formatReport } from "../check/report.ts";
import { STEPS, type StepId, type StepResult } from "../check/steps.ts";
import { type Translate, useI18n } from "../i18n/index.tsx";
import { settings } from "../state/settings.ts";
import { useStore } from "../state/store.ts";
import { Button, classes } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { ErrorBox } from "../ui/error-box.tsx";
import { useSdk } from "../ui/services.ts";
import styles from "./check.module.css";
import { Shell } from "./shell.tsx";

const KINDS: readonly NetworkKind[] = ["home", "strict", "no-udp", "web-only"];

export function CheckPage() {
  const { t } = useI18n();
  const sdk = useSdk();
  /** Counts up for another round. */
  const [round, setRound] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round is a new check
  const checkup = useMemo(() => new Checkup(sdk), [sdk, round]);
  useEffect(() => {
    void checkup.run(settings.get());
    return () => checkup.close();
  }, [checkup]);
  const state = useStore(checkup.store);
  const again = () => setRound((count) => count + 1);

  return (
    <Shell title={t("check.title")}>
      <div className={styles.page}>
        <div className={styles.lead}>
          <h1>{t("check.title")}</h1>
          <p className={styles.soft}>{t("check.lead")}</p>
        </div>
        <div role="status">{state.error === undefined ? <Summary state={state} /> : null}</div>
        {state.error === undefined ? null : (
          <ErrorBox error={state.error}>
            <Button size="small" icon={RotateCcw} onClick={again}>
              {t("action.retry")}
            </Button>
          </ErrorBox>
        )}
        <section aria-labelledby="check-steps">
          <h2 id="check-steps">{t("check.steps")}</h2>
          <ol className={styles.steps}>
            {STEPS.map((step) => (
              <Step key={step} step={step} result={state.results[step]} />
            ))}
          </ol>
        </section>
        {state.verdict === undefined ? null : <Meaning verdict={state.verdict} />}
        {state.phase === "running" || state.error !== undefined ? null : (
          <div className={styles.actions}>
            <Button look="primary" icon={RotateCcw} onClick={again}>
              {t("check.again")}
            </Button>
            <CopyButton text={formatReport(state)} label={t("check.copy")} />
          </div>
        )}
      </div>
    </Shell>
  );
}

function Summary({ state }: { readonly state: CheckupState }) {
  const { t } = useI18n();
  const { verdict } = state;
  if (verdict === undefined) return <p className={styles.summary}>{t("check.running")}</p>;
  const isWell = !verdict.findings.some(({ severity }) => severity === "fail");
  const Icon = isWell ? Check : TriangleAlert;
  return (
    <div className={classes(styles.summary, isWell ? styles.well : styles.unwell)}>
      <Icon size={20} aria-hidden="true" />
      <div>
        <p className={styles.headline}>{t(`check.network.${verdict.network}`)}</p>
        <p>{t(`check.network.${verdict.network}.text`)}</p>
      </div>
    </div>
  );
}

const STATE_ICONS = { waiting: CircleDashed, running: LoaderCircle, ok: Check, failed: X, absent: Minus };

function Step({ step, result }: { readonly step: StepId; readonly result: StepResult }) {
  const { t } = useI18n();
  const Icon = STATE_ICONS[result.state];
  return (
    <li className={classes(styles.step, styles[result.state])} data-step={step} data-state={result.state}>
      <Icon size={20} aria-hidden="true" />
      <div className={styles.what}>
        <span className={styles.name}>{t(`check.step.${step}`)}</span>
        <span className={styles.soft}>{t(`check.step.${step}.text`)}</span>
      </div>
      <span className={styles.result}>{resultText(result, step, t)}</span>
    </li>
  );
}

function resultText(result: StepResult, step: StepId, t: Translate): string {
  switch (result.state) {
    case "waiting":
      return t("check.state.waiting");
    case "running":
      return t("check.state.running");
    case "absent":
      return t("check.state.absent");
    case "failed":
      return t(`check.why.${result.why}`);
    case "ok":
      if (result.rttMs !== undefined) {
        return t("check.state.echo", { ms: Math.round(result.ms), rtt: Math.max(1, Math.round(result.rttMs)) });
      }
      return result.sameAddress === true && step === "stun"
        ? t("check.state.same", { ms: Math.round(result.ms) })
        : t("check.state.ok", { ms: Math.round(result.ms) });
  }
}

function Meaning({ verdict }: { readonly verdict: Verdict }) {
  const { t } = useI18n();
  return (
    <>
      <section aria-labelledby="check-works">
        <h2 id="check-works">{t("check.works")}</h2>
        <ul className={styles.kinds}>
          {KINDS.map((kind) => {
            const works = verdict.works[kind];
            const Icon = works ? Check : X;
            return (
              <li key={kind} className={classes(styles.kind, works ? styles.ok : styles.failed)}>
                <Icon size={20} aria-hidden="true" />
                <span className={styles.what}>
                  <span className={styles.name}>{t(`check.kind.${kind}`)}</span>
                  <span className={styles.soft}>{t(works ? "check.kind.yes" : "check.kind.no")}</span>
                </span>
              </li>
            );
          })}
        </ul>
      </section>
      {verdict.findings.length === 0 ? null : (
        <section aria-labelledby="check-change">
          <h2 id="check-change">{t("check.change")}</h2>
          <ul className={styles.findings}>
            {verdict.findings.map(({ code }) => (
              <Finding key={code} code={code} />
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function Finding({ code }: { readonly code: FindingCode }) {
  const { t } = useI18n();
  return (
    <li>
      <p className={styles.name}>{t(`check.finding.${code}`)}</p>
      <p>{t(`check.remedy.${code}`)}</p>
      <p className={styles.code}>{code}</p>
    </li>
  );
}
