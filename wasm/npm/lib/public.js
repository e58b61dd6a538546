// What users see; the entries export it all.
export {
  LakekeyError,
  check,
  doctor,
  matrix,
  plan,
  provision,
  revoke,
  rotate,
  sealSecret,
  status,
} from "./index.js";
