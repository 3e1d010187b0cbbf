-- Access logs, detections, reasons (service 45).
select 1;
