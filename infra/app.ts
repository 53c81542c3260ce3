import { referenceApp } from "./reference-app.ts";

referenceApp();
