"""Whatever needs the providers' libraries. They take seconds and a hundred megabytes: import it when one is asked."""
