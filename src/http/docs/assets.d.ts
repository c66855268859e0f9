declare module "swagger-ui-dist/swagger-ui-bundle.js" {
  /** Path of the embedded file. */
  const path: string;
  export default path;
}

declare module "swagger-ui-dist/swagger-ui.css" {
  /** Path of the embedded file. */
  const path: string;
  export default path;
}
