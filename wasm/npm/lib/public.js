// What users see; the entries export it all.
export {
  LakekeyError,
  doctor,
  matrix,
  plan,
  provision,
  revoke,
  rotate,
  sealSecret,
  status,
} from "./index.js";
