/** Loaded before a test file: from then on every world authorises every call of AWS. */
import { appointAuthority } from "../../rehearsal/world/authorisation.ts";
import { createAuthority } from "./authority.ts";
import { processJournal } from "./journal.ts";

appointAuthority(createAuthority({ journal: processJournal }));
