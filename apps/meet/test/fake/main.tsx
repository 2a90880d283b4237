/** The app over a pretended server, for tests and pictures of rooms that are larger than a machine with two cores can hold. */
import { createRoot } from "react-dom/client";
import { App } from "../../src/app.tsx";
import { browserSdk } from "../../src/sdk.ts";
import "../../src/style/global.css";
import { FakePeer } from "./fake-peer.ts";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(<App sdk={{ ...browserSdk, createPeer: () => new FakePeer() as never }} />);
