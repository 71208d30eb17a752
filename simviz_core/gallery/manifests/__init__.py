"""CSV and Parquet files that name the images of a gallery."""
