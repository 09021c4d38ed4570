"""All benchmarks of this folder: `make bench`."""

from tests.benchmarks import bench_app, bench_inference, bench_report, bench_study, bench_viewer

bench_viewer.main()
bench_app.main()
bench_study.main()
bench_report.main()
bench_inference.main()
