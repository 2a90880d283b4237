/** Entry: the app on the real SDK. */
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { browserSdk } from "./sdk.ts";
import "./style/global.css";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(<App sdk={browserSdk} />);
